package incidents

import (
	"sync"

	"github.com/devops-trouble-map/dotm/trouble/incident"
)

// mostNews is how much news is kept for viewers that are late.
const mostNews = 256

// wire hands news to viewers: each asks for what came after the last that it knows.
type wire struct {
	mu   sync.Mutex
	news []incident.News
	sent uint64 // how much there was in all
	bell chan struct{}
}

func (w *wire) send(news []incident.News) {
	if len(news) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent += uint64(len(news))
	w.news = append(w.news, news...)
	if n := len(w.news); n > mostNews {
		w.news = append(w.news[:0:0], w.news[n-mostNews:]...)
	}
	if w.bell != nil {
		close(w.bell)
		w.bell = nil
	}
}

// News are those after a number, and the number of the last. missed says that there were
// more, which are no longer known. more is closed when there is something newer.
func (d *Desk) News(after uint64) (news []incident.News, last uint64, missed bool, more <-chan struct{}) {
	w := &d.wire
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bell == nil {
		w.bell = make(chan struct{})
	}
	first := w.sent - uint64(len(w.news))
	switch {
	case after > w.sent, after < first:
		return nil, w.sent, true, w.bell
	case after == w.sent:
		return nil, w.sent, false, w.bell
	}
	return append(news, w.news[after-first:]...), w.sent, false, w.bell
}
