-- A relay that loses keys makes desks make more of them. What looks for the
-- newest key of a sender must not read them all.
CREATE INDEX generation_newest ON generation (sender, grp);
CREATE INDEX generation_predecessor ON generation (sender, grp, predecessor);
CREATE INDEX generation_identity ON generation (sender, grp, identity);
CREATE INDEX attestation_hash ON attestation (hash);
CREATE INDEX parked_at ON parked (at);
