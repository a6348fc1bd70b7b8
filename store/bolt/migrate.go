package bolt

import (
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"
)

// migrations lead from the format of their index to the next one, each in one
// transaction: a process that dies within one leaves the file as it was.
var migrations = []func(tx *bbolt.Tx) error{
	1: countEvents,
	2: splitRecords,
	3: packBlocks,
}

// migrate brings a file of an older format up to this one.
func (s *Store) migrate() error {
	v := 0
	err := s.view(func(tx *bbolt.Tx) (err error) {
		if v, err = strconv.Atoi(string(tx.Bucket(bucketMeta).Get(keyFormat))); err != nil || v < 1 {
			return s.damaged("it was read a moment ago, and can't be any more")
		}
		return nil
	})
	if err != nil {
		return err
	}
	for ; err == nil && v < format; v++ {
		err = s.update(func(tx *bbolt.Tx) error {
			if err := migrations[v](tx); err != nil {
				return err
			}
			return tx.Bucket(bucketMeta).Put(keyFormat, []byte(strconv.Itoa(v+1)))
		})
	}
	if err != nil {
		return fmt.Errorf("bringing %s from format %d to %d: %w", s.path, v, format, err)
	}
	return nil
}

// countEvents: format 2 counts what there is, and has records, uses and gaps,
// whose buckets are made when they are first needed.
func countEvents(tx *bbolt.Tx) error {
	var n counts
	err := tx.Bucket(bucketEvents).ForEach(func(k, v []byte) error {
		n.add(&n.Events, k, v)
		return nil
	})
	if err != nil {
		return err
	}
	return n.write(tx)
}

// splitRecords: format 3 has patches in a bucket of their own, which is made when it
// is first needed. Those of before stay where they are until they are forgotten: they
// are found there.
func splitRecords(*bbolt.Tx) error { return nil }

// packBlocks: format 4 has nodes as bytes. Those of before are JSON until they are
// written again: they are read, too.
func packBlocks(*bbolt.Tx) error { return nil }
