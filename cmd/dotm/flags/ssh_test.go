package flags

import "testing"

// TestSSHFlags: what is not given comes from the user's own folder, and new keys
// are kept in the data folder.
func TestSSHFlags(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	t.Setenv("SSH_AUTH_SOCK", "/run/agent")
	o := SSH{}.Options("/data")
	if o.Home != "/home/me" || len(o.Keys) != 0 || len(o.KnownHosts) != 1 || o.KnownHosts[0] != "/home/me/.ssh/known_hosts" ||
		o.TrustFile != "/data/known_hosts" || o.Agent != "/run/agent" || o.User == "" || o.TrustNew != nil {
		t.Errorf("got %+v", o)
	}
	o = SSH{Key: []string{"k"}, KnownHosts: []string{"h"}, Jump: "gate"}.Options("/data")
	if o.Keys[0] != "k" || o.KnownHosts[0] != "h" || len(o.KnownHosts) != 1 || o.Jump != "gate" {
		t.Errorf("got %+v", o)
	}
	if _, err := (SSH{Jump: "a/b"}).Poller("/data", nil); err == nil {
		t.Error("a jump host that is none is taken")
	}
}
