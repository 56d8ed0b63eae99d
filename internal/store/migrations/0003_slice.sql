-- 0003: slices are looked for by the generation that they carry, for each
-- message; without this that is a walk through the whole outbox.

CREATE INDEX outbox_slice ON outbox (tag) WHERE purpose = 'slice';
