package keep

import "github.com/devops-trouble-map/dotm/history"

// forgetful is a store that may lose what it acknowledged: one on another machine,
// that was restarted without its disk or replaced by its copy.
type forgetful interface {
	// Lapses is how often that was noticed.
	Lapses() uint64
}

// copied is a store that others copy.
type copied interface {
	// Unconfirmed counts events that no copy confirmed in time.
	Unconfirmed() uint64
}

// OnLapse has f called, in a goroutine of its own, when the store lost something:
// the keeper writes the topology again, and others what is theirs. It is set
// before [Keeper.Run].
func (k *Keeper) OnLapse(f func()) { k.lapsed = f }

// mend has all written again if the store lost something. The caller holds
// writing.
func (k *Keeper) mend() {
	s, ok := k.store.(forgetful)
	if !ok || s.Lapses() == k.lapses {
		return
	}
	k.lapses = s.Lapses()
	k.written = map[string]written{}
	k.records, k.sweep = history.NewRecorder(), history.Sweep{} // what they build on may be gone
	if k.lapsed != nil {
		go k.lapsed()
	}
}
