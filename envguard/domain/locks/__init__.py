"""What a lock says, and which of it an environment must have."""
