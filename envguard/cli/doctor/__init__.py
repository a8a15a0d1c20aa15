"""``envguard doctor``: what is wrong on this machine, and what to do. It changes nothing."""
