package people

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// TestBackOff is somebody who tries passwords from one address.
func TestBackOff(t *testing.T) {
	a, now := newAttempts(), noon
	for i := range freeAttempts {
		if wait := a.begin(enemy, "admin", now); wait != 0 {
			t.Fatalf("attempt %d has to wait %s", i, wait)
		}
	}
	want := firstWait
	for i := range 12 {
		wait := a.begin(enemy, "admin", now)
		if wait != want {
			t.Fatalf("wait %d is %s, want %s", i, wait, want)
		}
		if again := a.begin(enemy, "admin", now.Add(wait-1)); again != 1 {
			t.Fatalf("a moment too early it is %s", again)
		}
		if wait = a.begin(enemy, "other", now.Add(time.Millisecond)); wait == 0 {
			t.Fatal("another user name gets by")
		}
		now = now.Add(want)
		if wait := a.begin(enemy, "admin", now); wait != 0 {
			t.Fatalf("after the wait it is %s", wait)
		}
		want = min(2*want, longestWait)
	}
	if want != longestWait {
		t.Errorf("the wait grew to %s only", want)
	}
	if wait := a.begin(home, "admin", now); wait != 0 {
		t.Errorf("another address has to wait %s for the one's failures", wait)
	}
	if wait := a.begin(enemy, "admin", now.Add(longestWait+forgiveAfter)); wait != 0 {
		t.Errorf("after %s it is not forgiven", forgiveAfter)
	}
}

// TestManyAddresses slow a user down by a second each, but not at an address
// where the user was before.
func TestManyAddresses(t *testing.T) {
	a, now := newAttempts(), noon
	if wait := a.begin(home, "admin", now); wait != 0 {
		t.Fatal(wait)
	}
	a.succeed(home, "admin", now)
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}) }
	for i := range freeUserAttempts {
		if wait := a.begin(at(i), "admin", now); wait != 0 {
			t.Fatalf("attempt %d has to wait %s", i, wait)
		}
	}
	if wait := a.begin(at(1000), "admin", now); wait != userWait {
		t.Errorf("one address more waits %s", wait)
	}
	if wait := a.begin(at(1001), "somebody", now); wait != 0 {
		t.Errorf("another user waits %s", wait)
	}
	for range freeAttempts {
		if wait := a.begin(home, "admin", now); wait != 0 {
			t.Errorf("the user waits %s at home", wait)
		}
	}
	if wait := a.begin(at(1002), "admin", now.Add(userWait)); wait != 0 {
		t.Errorf("after a second it is %s", wait)
	}
}

func TestSuccessForgets(t *testing.T) {
	a := newAttempts()
	for range 3 * freeAttempts {
		if wait := a.begin(home, "admin", noon); wait != 0 {
			t.Fatal(wait)
		}
		a.succeed(home, "admin", noon)
	}
}

func TestOrigin(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7":            "192.0.2.7/32",
		"::ffff:192.0.2.7":     "192.0.2.7/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"fe80::1%eth0":         "fe80::/64",
	} {
		if got := origin(netip.MustParseAddr(address)).String(); got != want {
			t.Errorf("%s is %s, want %s", address, got, want)
		}
	}
	_ = origin(netip.Addr{}) // a request without an address is one, too
}

// TestBounded: whoever asks under many names fills no memory.
func TestBounded(t *testing.T) {
	a := newAttempts()
	for i := range maxRemembered + 500 {
		now := noon.Add(time.Duration(i) * time.Millisecond)
		from := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		a.begin(from, fmt.Sprint("user", i), now)
		a.succeed(from, fmt.Sprint("user", i), now)
		a.begin(from, fmt.Sprint("user", i), now)
	}
	if len(a.addresses) > maxRemembered || len(a.users) > maxRemembered || len(a.proven) > maxRemembered {
		t.Errorf("%d addresses, %d users, %d proofs", len(a.addresses), len(a.users), len(a.proven))
	}
	if a.users["user0"] != nil || a.users[fmt.Sprint("user", maxRemembered+499)] == nil {
		t.Error("not the oldest were forgotten")
	}
}
