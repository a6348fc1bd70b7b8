package bolt

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/devops-trouble-map/dotm/store"
)

func documentKey(kind, key string) []byte { return []byte(kind + "\x00" + key) }

func loadDocuments(tx *bbolt.Tx, state *store.State) error {
	bucket := tx.Bucket(bucketDocuments)
	if bucket == nil {
		return nil
	}
	return bucket.ForEach(func(k, v []byte) error {
		kind, key, ok := bytes.Cut(k, []byte{0})
		if !ok {
			return fmt.Errorf("document %q has no kind", k)
		}
		state.Documents = append(state.Documents, store.Document{Kind: string(kind), Key: string(key), Value: slices.Clone(v)})
		return nil
	})
}

func writeDocuments(tx *bbolt.Tx, c *store.Change) error {
	if len(c.Keep) == 0 && len(c.Drop) == 0 {
		return nil
	}
	bucket, err := tx.CreateBucketIfNotExists(bucketDocuments)
	if err != nil {
		return fmt.Errorf("creating documents: %w", err)
	}
	for _, k := range c.Drop {
		if err := bucket.Delete(documentKey(k.Kind, k.Key)); err != nil {
			return fmt.Errorf("dropping %s %q: %w", k.Kind, k.Key, err)
		}
	}
	for _, d := range c.Keep {
		if d.Kind == "" || d.Key == "" || strings.ContainsRune(d.Kind, 0) {
			return fmt.Errorf("kind and key of a document must not be empty, and a kind has no NUL: they are %q and %q", d.Kind, d.Key)
		}
		if err := bucket.Put(documentKey(d.Kind, d.Key), d.Value); err != nil {
			return fmt.Errorf("keeping %s %q: %w", d.Kind, d.Key, err)
		}
	}
	return nil
}
