package storetest

import (
	"fmt"
	"net/netip"
	"reflect"
	"time"
)

// start is the moment that made-up times count from.
var start = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// filler gives every field of a value something else than zero, so that a
// field which an engine forgets shows, also one that is added later.
type filler struct{ n int }

// fill sets everything reachable from v, which must be settable. It panics on
// a kind that it doesn't know: teach it, or the field goes untested.
func (f *filler) fill(v reflect.Value) {
	f.n++
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = start.Add(time.Duration(f.n) * time.Millisecond)
		return
	case *netip.Addr:
		*p = netip.AddrFrom4([4]byte{10, 0, byte(f.n >> 8), byte(f.n)})
		return
	case *netip.AddrPort:
		*p = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(f.n >> 8), byte(f.n)}), uint16(f.n)|1)
		return
	case *netip.Prefix:
		*p = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(f.n >> 8), byte(f.n), 0}), 24)
		return
	}
	f.fillKind(v)
}

func (f *filler) fillKind(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d ü\x00", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(f.n) << 16)
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(f.n))
	case reflect.Float64:
		v.SetFloat(float64(f.n) + 0.125)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			f.fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		f.fill(key)
		f.fill(value)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") == "-" {
				continue // not to be kept
			}
			f.fill(v.Field(i))
		}
	default:
		panic(fmt.Sprintf("storetest: no made-up value for a %s", v.Type()))
	}
}

// filled is a T of which every field is set; different n give different ones.
func filled[T any](n int) T {
	var t T
	(&filler{n: n * 1000}).fill(reflect.ValueOf(&t).Elem())
	return t
}
