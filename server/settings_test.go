package server

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

func TestSettingsLayers(t *testing.T) {
	m := &memory{state: store.State{Settings: store.Patch{Ageing: duration(time.Minute), HideAfter: duration(time.Hour)}}}
	s := start(t, m, store.Patch{HideAfter: duration(2 * time.Hour)})
	in, fixed := s.Settings()
	want := store.Defaults()
	if in.Ageing != *duration(time.Minute) || in.HideAfter != *duration(2 * time.Hour) || in.Retention != want.Retention {
		t.Errorf("settings are %+v", in)
	}
	if !slices.Equal(fixed, []string{"hide_after"}) {
		t.Errorf("fixed are %v", fixed)
	}
	in.IgnoredPorts[0] = 9
	if again, _ := s.Settings(); again.IgnoredPorts[0] == 9 {
		t.Error("a caller changed the settings in force")
	}
}

func TestChangeFixedSetting(t *testing.T) {
	m := &memory{}
	s := start(t, m, store.Patch{Ageing: duration(time.Minute)})
	err := s.ChangeSettings(t.Context(), store.Patch{HideAfter: duration(time.Hour), Ageing: duration(time.Hour)})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.LockedField() != "ageing" || err.Error() != "ageing is set in dotm.yaml: change it there and restart" {
		t.Errorf("ChangeSettings returns %v", err)
	}
	if in, _ := s.Settings(); in.HideAfter != store.Defaults().HideAfter {
		t.Error("a part of the patch was applied")
	}
	if got := m.take(); got != nil {
		t.Errorf("%v was stored", got)
	}
}

func TestChangeToInvalid(t *testing.T) {
	m := &memory{}
	s := start(t, m, store.Patch{})
	err := s.ChangeSettings(t.Context(), store.Patch{HideAfter: duration(time.Hour), Ageing: duration(0)})
	var invalid *store.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != "ageing" {
		t.Errorf("ChangeSettings returns %v", err)
	}
	if in, _ := s.Settings(); in.HideAfter != store.Defaults().HideAfter {
		t.Error("a part of the patch was applied")
	}
	if got := m.take(); got != nil {
		t.Errorf("%v was stored", got)
	}
}

// TestChangeIsDurableFirst: a change that can't be kept is not in force.
func TestChangeIsDurableFirst(t *testing.T) {
	broken := errors.New("disk full")
	m := &memory{}
	s := start(t, m, store.Patch{})
	m.fail(broken)
	before := s.Snapshot()
	if err := s.ChangeSettings(t.Context(), store.Patch{Ageing: duration(time.Hour)}); !errors.Is(err, broken) || !strings.Contains(err.Error(), "saving settings") {
		t.Errorf("ChangeSettings returns %v", err)
	}
	if in, _ := s.Settings(); in.Ageing != store.Defaults().Ageing || s.Snapshot() != before {
		t.Error("it is in force")
	}
	m.fail(nil)
	if err := s.ChangeSettings(t.Context(), store.Patch{HideAfter: duration(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	got := m.take()
	if len(got) != 1 || got[0].Settings.Ageing != nil || *got[0].Settings.HideAfter != *duration(time.Hour) {
		t.Errorf("stored %+v", got)
	}
}

func TestChangesAddUp(t *testing.T) {
	m := &memory{}
	s := start(t, m, store.Patch{})
	for _, p := range []store.Patch{{Ageing: duration(time.Hour)}, {Retention: duration(time.Hour)}, {Ageing: duration(time.Minute)}} {
		if err := s.ChangeSettings(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	writes := m.take()
	last := writes[len(writes)-1].Settings
	if len(writes) != 3 || *last.Ageing != *duration(time.Minute) || *last.Retention != *duration(time.Hour) || last.HideAfter != nil {
		t.Errorf("stored %+v", last)
	}
}

// TestChangeIsEffectiveAtOnce: when the call returns, the answer shows it.
func TestChangeIsEffectiveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &memory{}, store.Patch{})
		web := &reporter{name: "web", number: 1}
		s.put(t, web.report("10.0.1.1"))
		time.Sleep(10 * time.Second) //nolint:forbidigo // the bubble's clock
		s.put(t, web.report())
		time.Sleep(10 * time.Second) //nolint:forbidigo // the bubble's clock
		changed, before := s.Changed(), s.Snapshot().Revision()
		if err := s.ChangeSettings(t.Context(), store.Patch{Ageing: duration(5 * time.Second)}); err != nil {
			t.Fatal(err)
		}
		select {
		case <-changed:
		default:
			t.Error("nobody was woken")
		}
		if got := connection(t, s.Snapshot(), "web", "10.0.1.1").Status; got != topology.Old {
			t.Errorf("the connection is %s", got)
		}
		if s.Snapshot().Revision() == before {
			t.Error("the revision is the same")
		}
	})
}

func TestSettingsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	st := openBolt(t, dir)
	s := start(t, st, store.Patch{})
	if err := s.ChangeSettings(t.Context(), store.Patch{IgnoredNames: &[]string{}}); err != nil {
		t.Fatal(err)
	}
	// No stop, no flush: they are durable when the call returns.
	state, err := st.Load(t.Context())
	if err != nil || state.Settings.IgnoredNames == nil || len(*state.Settings.IgnoredNames) != 0 {
		t.Errorf("the store holds %+v, %v", state.Settings, err)
	}
	_ = s.stop()
	st.Close()
}
