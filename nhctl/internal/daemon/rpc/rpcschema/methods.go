package rpcschema

import (
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// Method is a method's parameters and result, as pointers to their types; nil means that there are none.
type Method struct {
	Params, Result any
	// Notifies says that the daemon sends it, and no one answers; Notified that the client does.
	Notifies, Notified bool
}

// Methods are all methods of the protocol by their names.
func Methods() map[string]Method {
	return map[string]Method{
		rpc.MethodStart:        {Params: new(rpc.Start), Result: new(rpc.Session)},
		rpc.MethodEnd:          {Params: new(rpc.End), Result: new(rpc.Ended)},
		rpc.MethodList:         {Params: new(rpc.List), Result: new([]rpc.Session)},
		rpc.MethodStatus:       {Params: new(rpc.Target), Result: new(rpc.Session)},
		rpc.MethodBuild:        {Params: new(rpc.Run), Result: new(event.CommandData)},
		rpc.MethodRun:          {Params: new(rpc.Run), Result: new(event.CommandData)},
		rpc.MethodDebug:        {Params: new(rpc.Debug), Result: new(event.DebugData)},
		rpc.MethodRestart:      {Params: new(rpc.Target), Result: new(event.CommandData)},
		rpc.MethodStop:         {Params: new(rpc.Stop), Result: new(event.CommandData)},
		rpc.MethodTests:        {Params: new(rpc.Tests), Result: new([]rpc.TestCase)},
		rpc.MethodLogs:         {Params: new(rpc.Logs), Result: new(struct{})},
		rpc.MethodPodLogs:      {Params: new(rpc.PodLogs), Result: new(struct{})},
		rpc.MethodForward:      {Params: new(rpc.Forward), Result: new([]event.ForwardData)},
		rpc.MethodAttach:       {Params: new(rpc.Attach), Result: new(rpc.Attached)},
		rpc.MethodVolumes:      {Params: new(rpc.Volumes), Result: new([]rpc.Volume)},
		rpc.MethodClean:        {Params: new(rpc.Volumes), Result: new([]rpc.Volume)},
		rpc.MethodSyncStatus:   {Params: new(rpc.Target), Result: new([]event.SyncData)},
		rpc.MethodSyncWait:     {Params: new(rpc.SyncWait), Result: new([]event.SyncData)},
		rpc.MethodSyncDo:       {Params: new(rpc.SyncDo), Result: new(rpc.SyncDone)},
		rpc.MethodSyncVersions: {Params: new(rpc.SyncPath), Result: new([]rpc.SyncVersion)},
		rpc.MethodSyncContent:  {Params: new(rpc.SyncKept), Result: new(rpc.SyncContent)},
		rpc.MethodSyncExplain:  {Params: new(rpc.SyncPath), Result: new(ignore.Reason)},
		rpc.MethodSyncFolder:   {Params: new(rpc.SyncFolder), Result: new(rpc.SyncDone)},
		rpc.MethodCarry:        {Params: new(rpc.Carry), Result: new(struct{})},
		rpc.MethodConnect:      {Params: new(rpc.Connect), Result: new(rpc.Session)},
		rpc.MethodDisconnect:   {Params: new(rpc.Disconnect), Result: new(rpc.Ended)},
		rpc.MethodRoute:        {Params: new(rpc.BeginRoute), Result: new(rpc.Session)},
		rpc.MethodLeave:        {Params: new(rpc.Leave), Result: new(rpc.Ended)},
		rpc.MethodOverview:     {Params: new(rpc.Overview), Result: new([]rpc.Session)},
		rpc.MethodLeftovers:    {Params: new(rpc.Leftovers), Result: new([]rpc.Leftover)},
		rpc.MethodRemove:       {Params: new(rpc.RemoveLeftovers), Result: new([]rpc.Leftover)},
		rpc.MethodDaemon:       {Result: new(rpc.Daemon)},
		rpc.MethodDaemonStop:   {Result: new(struct{})},
		rpc.MethodLogLevel:     {Params: new(rpc.LogLevel), Result: new(struct{})},
		rpc.MethodInitialize:   {Params: new(rpc.Initialize), Result: new(rpc.Initialized)},
		rpc.MethodReplace:      {Result: new(struct{})},
		rpc.MethodCancel:       {Params: new(rpc.Cancel), Result: new(struct{})},
		rpc.MethodSubscribe:    {Params: new(rpc.Subscribe), Result: new(struct{})},
		rpc.MethodEvent:        {Params: new(rpc.Event), Notifies: true},
		rpc.MethodUpdate:       {Params: new(rpc.Update), Notifies: true},
	}
}

// Bridge are the methods that `nhctl ide` has in addition to those of the daemon, or answers itself.
func Bridge() map[string]Method {
	return map[string]Method{
		rpc.MethodBridgeInitialize: {Params: new(struct{}), Result: new(rpc.BridgeInitialized)},
		rpc.MethodInitialized:      {Params: new(struct{}), Notified: true},
		rpc.MethodShutdown:         {},
		rpc.MethodExit:             {Notified: true},
		rpc.MethodCancelRequest:    {Params: new(rpc.CancelRequest), Notified: true},
		rpc.MethodProgress:         {Params: new(rpc.Progress), Notifies: true},
	}
}
