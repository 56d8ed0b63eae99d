package store_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"hotline/internal/store"
)

// BenchmarkUpdate measures one durable Update that changes one cell and writes
// three rows of 1 to 2 kB, and batches of such messages in one Update.
func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{1, 8, 32, 64} {
		b.Run(fmt.Sprintf("messages=%d", n), func(b *testing.B) {
			s := open(b, b.TempDir())
			body := make([]byte, 1500)
			_, _ = rand.Read(body)
			for b.Loop() {
				update(b, s, func(tx *store.Tx) error {
					for range n {
						if err := message(tx, body); err != nil {
							return err
						}
					}
					return tx.PutCell("receiver", []byte("chain"), body)
				})
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// message does what a message does to the disk.
func message(tx *store.Tx, body []byte) error {
	if _, err := tx.AppendJournal("received", time.Now(), body[:200]); err != nil {
		return err
	}
	if _, err := tx.AppendEvent("message", time.Now(), body); err != nil {
		return err
	}
	_, err := tx.AppendJournal("body", time.Now(), body)
	return err
}

// BenchmarkUpdateParallel shows what callers that share commits get.
func BenchmarkUpdateParallel(b *testing.B) {
	s := open(b, b.TempDir())
	body := make([]byte, 1500)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			update(b, s, func(tx *store.Tx) error {
				if err := message(tx, body); err != nil {
					return err
				}
				return tx.PutCell("receiver", []byte("chain"), body)
			})
		}
	})
}
