"""What the stages share. Every module is a noun; no stage imports another stage."""
