package delve

import "time"

// pause is that between two questions whether a program runs.
const pause = 20 * time.Millisecond
