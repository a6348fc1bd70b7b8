package weave

import "testing"

func TestMeet(t *testing.T) {
	for _, tt := range []struct {
		a, b []uint64
		want bool
	}{
		{nil, nil, false},
		{[]uint64{1}, nil, false},
		{[]uint64{1, 5, 9}, []uint64{2, 5}, true},
		{[]uint64{1, 5, 9}, []uint64{9}, true},
		{[]uint64{1, 5, 9}, []uint64{2, 6, 10}, false},
	} {
		if meet(tt.a, tt.b) != tt.want || meet(tt.b, tt.a) != tt.want {
			t.Errorf("%v and %v: want %t", tt.a, tt.b, tt.want)
		}
	}
}
