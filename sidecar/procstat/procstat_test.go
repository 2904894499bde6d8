package procstat

import "testing"

func TestStarted(t *testing.T) {
	t.Parallel()
	const rest = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21"
	for stat, want := range map[string]uint64{
		"12 (sh)" + rest:          4711,
		"12 (a) b (c d) )" + rest: 4711, // names are anyone's choice
		"12 (sh) S 1 2 3":         0,
		"":                        0,
		"12 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x 20": 0,
	} {
		if got, ok := Started([]byte(stat)); got != want || ok != (want != 0) {
			t.Errorf("%q: %d, %v; want %d", stat, got, ok, want)
		}
	}
}
