"""What the server shows who connects: certificates of its own making, or of somebody else's."""
