-- 0016: complaints are looked up by what they are worth, whom they are about and
-- who made them: who makes many pushes out none but its own.
DROP INDEX complaint_line;
CREATE INDEX complaint_worth ON complaint (line, kind, about, desk);
