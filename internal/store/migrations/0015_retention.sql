-- 0015: texts go after a time, where the desk is told so; leaves, hashes and
-- signatures stay.

ALTER TABLE message ADD COLUMN opened_at INTEGER;   -- somebody at this desk opened it; NULL: not yet
ALTER TABLE message ADD COLUMN done_at INTEGER;     -- by the steady clock: since when nothing needs its text; NULL: something does, or it is gone
ALTER TABLE message ADD COLUMN removed_at INTEGER;  -- its text was removed; body is what is left of it
CREATE INDEX message_kept ON message (seq) WHERE done_at IS NULL AND removed_at IS NULL;
CREATE INDEX message_done ON message (done_at) WHERE done_at IS NOT NULL;
CREATE INDEX message_removed ON message (removed_at) WHERE removed_at IS NOT NULL;

ALTER TABLE receipt ADD COLUMN removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1)); -- its body was: a person had written a text in it
