"""What Mailjet takes, each number once, with its source."""

#: Messages in one call (Send API v3.1, error mj-0008).
MESSAGES_PER_CALL = 50
#: To, Cc and Bcc of all messages of one call together (error send-0015).
RECIPIENTS_PER_CALL = 50
#: Files, and top-level variables, of one message (error mj-0008); lists in variables may count, too.
LIST_ELEMENTS = 50
#: All attachments of one message together (Send API guide: 15 MB). Whether it counts before or after base64
#: is nowhere documented. We keep to the next limit, which is the stricter one.
FILE_BYTES = 15_000_000
#: The whole body of a call, base64 included: Mailjet's proxy answers 413 above about 15 MB.
CALL_BYTES = 15_000_000
