"""What a running gateway does about alarms: sees, records, tells, escalates; and what persons do about them."""
