"""What an installation suffers from, fault by fault, each really brought about; `mailworker doctor` names it."""
