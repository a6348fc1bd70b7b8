package server

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/devops-trouble-map/dotm/drift"
	"github.com/devops-trouble-map/dotm/store"
)

// driftKind is the kind of document that a version of the declaration is, by its number.
const driftKind = "drift-declaration"

// The versions that are kept: so many, and not more than so many bytes of them.
const (
	maxVersions     = 20
	maxVersionBytes = 8 << 20
)

// otherVersion says that somebody else kept a version meanwhile.
type otherVersion struct{ newest, base int }

// Error says what to do.
func (e *otherVersion) Error() string {
	return fmt.Sprintf("declaration was changed meanwhile: version %d is the newest, this was made of %d; read it again", e.newest, e.base)
}

// OtherVersion tells this error from others.
func (e *otherVersion) OtherVersion() bool { return true }

// Declarations are the versions of the declaration that is kept, the newest first; none
// if there is none.
func (s *Server) Declarations() []drift.Kept {
	var out []drift.Kept
	for _, doc := range s.Documents(driftKind) {
		var k drift.Kept
		if err := json.Unmarshal(doc.Value, &k); err != nil {
			s.opt.Log.Warn("a version of the declaration can't be read back", "key", doc.Key, "error", err)
			continue
		}
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b drift.Kept) int { return cmp.Compare(b.Version, a.Version) })
	return out
}

// KeepDeclaration keeps another version, and returns it with its number. base is the
// version that it was made of, -1 for whichever there is; another one is refused with an
// error that has a method OtherVersion.
func (s *Server) KeepDeclaration(ctx context.Context, k drift.Kept, base int) (drift.Kept, error) {
	s.declaring.Lock()
	defer s.declaring.Unlock()
	old := s.Declarations()
	newest := 0
	if len(old) > 0 {
		newest = old[0].Version
	}
	if base >= 0 && base != newest {
		return k, &otherVersion{newest, base}
	}
	k.Version, k.At = newest+1, s.Now().UTC()
	value, err := json.Marshal(k)
	if err != nil {
		return k, fmt.Errorf("encoding the declaration: %w", err)
	}
	var drop []store.DocumentKey
	bytes := len(k.Text)
	for i := range old {
		if bytes += len(old[i].Text); i+1 >= maxVersions || bytes > maxVersionBytes {
			drop = append(drop, declarationKey(old[i].Version))
		}
	}
	key := declarationKey(k.Version)
	return k, s.ChangeDocuments(ctx, []store.Document{{Kind: key.Kind, Key: key.Key, Value: value}}, drop)
}

// DropDeclaration forgets all versions.
func (s *Server) DropDeclaration(ctx context.Context) error {
	s.declaring.Lock()
	defer s.declaring.Unlock()
	docs := s.Documents(driftKind)
	drop := make([]store.DocumentKey, 0, len(docs))
	for _, doc := range docs {
		drop = append(drop, store.DocumentKey{Kind: doc.Kind, Key: doc.Key})
	}
	return s.ChangeDocuments(ctx, nil, drop)
}

func declarationKey(version int) store.DocumentKey {
	return store.DocumentKey{Kind: driftKind, Key: fmt.Sprintf("%08d", version)}
}
