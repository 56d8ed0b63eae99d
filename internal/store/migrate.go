package store

import (
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// latestVersion is the highest number in migrations/. Numbers run from 1
// without gaps.
func latestVersion() (int64, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, err
	}
	for i, name := range names {
		n, err := strconv.Atoi(filepath.Base(name)[:4])
		if err != nil || n != i+1 {
			return 0, fmt.Errorf("migration %s: want number %04d", name, i+1)
		}
	}
	return int64(len(names)), nil
}

// migrate brings the schema up to date, one transaction for each file.
func (s *Store) migrate() error {
	version, err := s.writer.number("PRAGMA user_version")
	if err != nil {
		return fmt.Errorf("look at database: %w", err)
	}
	if err := s.refuseNewer(version); err != nil {
		return err
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	for i, name := range names {
		if int64(i+1) <= version {
			continue
		}
		text, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		script := fmt.Sprintf("BEGIN IMMEDIATE;\n%s;\nPRAGMA user_version=%d;\nCOMMIT", strings.TrimRight(string(text), "; \n\t"), i+1)
		if err := s.writer.db.Exec(script); err != nil {
			if !s.writer.db.GetAutocommit() {
				_ = s.writer.db.Exec("ROLLBACK")
			}
			return fmt.Errorf("migrate with %s: %w", name, translate(err))
		}
	}
	return nil
}
