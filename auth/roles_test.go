package auth

import "testing"

func TestRoles(t *testing.T) {
	all := []Role{"", Viewer, Operator, Admin, RoleAgent, RoleRelay, "root"}
	for _, has := range all {
		for _, needed := range []Role{Viewer, Operator, Admin} {
			want := map[Role]int{Viewer: 1, Operator: 2, Admin: 3}[has] >= map[Role]int{Viewer: 1, Operator: 2, Admin: 3}[needed]
			if got := has.May(needed); got != want {
				t.Errorf("%q may what %q may: %t", has, needed, got)
			}
		}
	}
	if Role("").May("") || RoleAgent.May(RoleAgent) {
		t.Error("who is nobody may something")
	}
}

func TestDamagedDocuments(t *testing.T) {
	for _, kind := range []string{kindToken, kindAgent} {
		k := newMemory()
		k.docs[Key{kind, "x"}] = Document{kind, "x", []byte("{")}
		if _, err := NewAgents(k, newClock().now); err == nil {
			t.Errorf("a damaged %s is not noticed", kind)
		}
	}
}

// TestGrants: of several names the highest counts, and nobody gets what nobody
// wrote down.
func TestGrants(t *testing.T) {
	g := Grants{By: map[string]Role{"ops": Operator, "boss": Admin, "all": Viewer}}
	for _, tt := range []struct {
		fallback Role
		names    []string
		want     Role
	}{
		{"", nil, ""},
		{"", []string{"x", ""}, ""},
		{Viewer, nil, Viewer},
		{Viewer, []string{"ops"}, Operator},
		{"", []string{"all", "boss", "ops"}, Admin},
		{Operator, []string{"all"}, Operator},
	} {
		g.Default = tt.fallback
		if got := g.Of(tt.names...); got != tt.want {
			t.Errorf("%v of %q: %q, want %q", tt.names, tt.fallback, got, tt.want)
		}
	}
	isKind(t, Grants{Default: "root"}.Check(), ErrInvalid, `default_role is not valid: it must be viewer, operator or admin, is "root"`)
	isKind(t, Grants{By: map[string]Role{"ops": RoleAgent}}.Check(), ErrInvalid, `roles: "ops": role is not valid`)
	if err := g.Check(); err != nil {
		t.Error(err)
	}
}
