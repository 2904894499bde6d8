// Command viper has viper watch a config, as many services in Go do, and prints the config's version at the start and
// at each change that viper reports.
package main

import (
	"fmt"
	"os"

	"github.com/fsnotify/fsnotify"
	"github.com/spf13/viper"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: viper CONFIG")
		os.Exit(2)
	}
	viper.SetConfigFile(os.Args[1])
	if err := viper.ReadInConfig(); err != nil {
		fmt.Fprintln(os.Stderr, "viper:", err)
		os.Exit(1)
	}
	show := func() { fmt.Printf("v=%d\n", viper.GetInt("version")) }
	viper.OnConfigChange(func(fsnotify.Event) { show() })
	viper.WatchConfig()
	show()
	select {}
}
