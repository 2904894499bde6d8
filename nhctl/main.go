// Command nhctl develops inside Kubernetes from your own editor.
package main

import (
	"os"

	"github.com/nhctl/nhctl/nhctl/internal/app"
)

func main() {
	os.Exit(app.Main(os.Args[1:]))
}
