"""What is kept on this machine: directories, identity, policies, uses, the last scan."""
