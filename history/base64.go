package history

import (
	"encoding/base64"
	"fmt"
)

func appendBase64(dst, src []byte) []byte { return base64.StdEncoding.AppendEncode(dst, src) }

// decodeBase64 fills dst.
func decodeBase64(dst, text []byte) error {
	raw, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil || len(raw) != len(dst) {
		return fmt.Errorf("must be %d bytes in base64, is %q", len(dst), text)
	}
	copy(dst, raw)
	return nil
}
