package sqlitespool

import (
	"context"
	"fmt"

	"github.com/ncruces/go-sqlite3"
)

// LimitPages makes the file full at n pages. The pragma runs on the writer's
// goroutine, the only one that may use its connection.
func (s *Spool) LimitPages(n int) {
	s.change(context.Background(), func() error {
		return s.row(fmt.Sprintf("PRAGMA max_page_count = %d", n), func(*sqlite3.Stmt) {})
	}, nil)
}
