package request

import (
	"fmt"
	"strings"
)

// Limits of an environment.
const (
	// MaxEnvironment is the size of the answer, in bytes. The kernel gives a program less.
	MaxEnvironment = 4 << 20
	// MaxVariables is how many variables it may have.
	MaxVariables = 16 << 10
)

// Environment is that of the agent's container, as the kubelet has made it.
type Environment struct {
	// Variables are NAME=VALUE.
	Variables []string `json:"variables"`
}

// Check says why an environment can't be that of a program. It does not say values, which may be secret.
func (e Environment) Check() error {
	if len(e.Variables) > MaxVariables {
		return fmt.Errorf("%d variables: the limit is %d", len(e.Variables), MaxVariables)
	}
	for i, v := range e.Variables {
		name, _, ok := strings.Cut(v, "=")
		if !ok || name == "" || strings.ContainsRune(v, 0) {
			return fmt.Errorf("variable %d is none", i)
		}
	}
	return nil
}
