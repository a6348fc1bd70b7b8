package monitor

import "testing"

// TestMonitors: dotm's own source is no monitoring system, however many signals are on,
// nor is one that nobody handed anything to.
func TestMonitors(t *testing.T) {
	for _, tt := range []struct {
		s    State
		want bool
	}{
		{State{Options: Options{Kind: Signals}, BuiltIn: true, Summary: Summary{Checks: 7}}, false},
		{State{Options: Options{Kind: Passive}}, false},
		{State{Options: Options{Kind: Passive}, Summary: Summary{Checks: 1}}, true},
		{State{Options: Options{Kind: Nagios}}, true},
	} {
		if got := tt.s.Monitors(); got != tt.want {
			t.Errorf("%s with %d checks: %t", tt.s.Kind, tt.s.Checks, got)
		}
	}
}
