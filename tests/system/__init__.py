"""The gateway as an administrator runs it: real processes, real mail servers, moved time."""
