"""What the server keeps: tables, and one function per question."""
