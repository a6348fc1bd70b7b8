package audit

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// hidden stands for a secret: that it changed is told, not what it is.
const hidden = "(secret)"

// secretWords are parts of names of what must not be kept.
var secretWords = []string{"password", "secret", "token", "credential", "private", "authorization"}

// isSecret reports whether a field must not be kept, by its name. A file's name
// is none.
func isSecret(field string) bool {
	field = strings.ToLower(field)
	return !strings.HasSuffix(field, "_file") && slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(field, w) })
}

// Changes lists what differs between two values as JSON shows them: field by
// field, two objects deep. Either may be nil, for nothing. Secrets are named
// only.
func Changes(before, after any) []Change {
	a, b := fields(before), fields(after)
	if a == nil && b == nil {
		return nil
	}
	names := slices.Sorted(maps.Keys(a))
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []Change
	for _, name := range names {
		if x, y := a[name], b[name]; !reflect.DeepEqual(x, y) {
			out = append(out, Change{name, text(name, x), text(name, y)})
		}
	}
	return out
}

// fields are those of a value, by name; those of objects within by both names.
func fields(v any) map[string]any {
	if v == nil {
		return nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	var object map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&object) != nil {
		return nil
	}
	out := make(map[string]any, len(object))
	for name, value := range object {
		inner, ok := value.(map[string]any)
		if !ok || isSecret(name) {
			put(out, name, value)
			continue
		}
		for key, x := range inner {
			put(out, name+"."+key, x)
		}
	}
	return out
}

// put leaves out what says nothing: null, and what is empty.
func put(out map[string]any, name string, value any) {
	switch v := value.(type) {
	case nil:
		return
	case string:
		if v == "" {
			return
		}
	case []any:
		if len(v) == 0 {
			return
		}
	case map[string]any:
		if len(v) == 0 {
			return
		}
	}
	out[name] = value
}

// text is a value as it is kept.
func text(name string, v any) string {
	switch {
	case v == nil:
		return ""
	case isSecret(name):
		return hidden
	}
	raw, err := json.Marshal(veiled(v))
	if err != nil {
		return ""
	}
	return cut(string(raw), MaxValue)
}

// veiled is a value without the secrets within it.
func veiled(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, x := range v {
			if isSecret(key) && x != nil && x != "" {
				x = hidden
			}
			out[key] = veiled(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = veiled(x)
		}
		return out
	}
	return v
}
