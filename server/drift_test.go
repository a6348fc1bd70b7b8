package server

import (
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/drift"
	"github.com/devops-trouble-map/dotm/store"
)

// TestDeclarations: old versions go by number and by size, the newest stays.
func TestDeclarations(t *testing.T) {
	s := start(t, &memory{}, store.Patch{})
	for i := range 25 {
		k, err := s.KeepDeclaration(t.Context(), drift.Kept{Name: "site.yaml", Text: "allow: []\n"}, i)
		if err != nil || k.Version != i+1 || k.At.IsZero() {
			t.Fatalf("%d: %+v, %v", i, k, err)
		}
	}
	list := s.Declarations()
	if len(list) != maxVersions || list[0].Version != 25 || list[maxVersions-1].Version != 6 {
		t.Errorf("%d versions, from %d", len(list), list[0].Version)
	}
	for range 10 {
		if _, err := s.KeepDeclaration(t.Context(), drift.Kept{Text: strings.Repeat("#", drift.MaxKept)}, -1); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.Declarations()); n != maxVersionBytes/drift.MaxKept {
		t.Errorf("%d large versions are kept", n)
	}
	if _, err := s.KeepDeclaration(t.Context(), drift.Kept{}, 3); err == nil || !strings.Contains(err.Error(), "version 35 is the newest") {
		t.Error(err)
	}
	if err := s.DropDeclaration(t.Context()); err != nil || len(s.Declarations()) != 0 {
		t.Error(err)
	}
}
