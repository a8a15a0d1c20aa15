"""The central server: enrolment, check-in, store, policies, team report, page."""
