package notify

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestErrorsKeepTheAddress: who reads why nobody was told doesn't learn the secret
// that is in the path of many webhooks.
func TestErrorsKeepTheAddress(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	for address, want := range map[string]string{
		gone.URL + "/hooks/hunter2?key=hunter2": "asking " + strings.TrimPrefix(gone.URL, "http://") + ": dial tcp",
		"http://chat.example/%zz/hunter2":       "invalid URL escape",
	} {
		err := (&Options{}).Post(t.Context(), address, nil, nil)
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
