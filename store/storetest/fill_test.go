package storetest

import (
	"reflect"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// TestFilled holds the suite's own promise: no field is left at zero.
func TestFilled(t *testing.T) {
	for _, v := range []any{filled[topology.Block](1), filled[topology.Event](1), filled[store.Patch](1)} {
		for _, path := range zeros("", reflect.ValueOf(v)) {
			t.Errorf("%T%s is zero", v, path)
		}
	}
}

func TestFilledDiffers(t *testing.T) {
	if a, b := filled[topology.Event](1), filled[topology.Event](2); a.ID == b.ID || a.At.Equal(b.At) {
		t.Errorf("%v and %v are alike", a, b)
	}
}

func TestFillUnknownKind(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "chan int") {
			t.Errorf("panic says %q", text)
		}
	}()
	filled[struct{ C chan int }](1)
}

// zeros lists the fields below v that are zero.
func zeros(path string, v reflect.Value) (list []string) {
	if v.IsZero() {
		return []string{path}
	}
	switch v.Kind() {
	case reflect.Pointer:
		return zeros(path, v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			list = append(list, zeros(path+"[]", v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
				list = append(list, zeros(path+"."+f.Name, v.Field(i))...)
			}
		}
	default:
	}
	return list
}
