"""What can make equal environments behave differently: the machine around them, told by its files."""
