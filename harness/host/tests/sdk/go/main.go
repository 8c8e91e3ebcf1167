// A module as Go's own compiler makes it: it adds a header to every request. The Go runtime is what is tried here, with
// its imports, its start and its collector; the callbacks are written by hand.
package main

import (
	"fmt"
	"unsafe"
)

func main() {}

// What the proxy has been given stays here until it is asked for again, so that the collector leaves it alone.
var given [][]byte

//go:wasmimport env proxy_log
func proxyLog(level uint32, message unsafe.Pointer, size uint32) uint32

//go:wasmimport env proxy_add_header_map_value
func proxyAddHeader(kind uint32, name unsafe.Pointer, nameSize uint32, value unsafe.Pointer, valueSize uint32) uint32

//go:wasmimport env proxy_get_buffer_bytes
func proxyBuffer(kind, start, size uint32, bytes unsafe.Pointer, bytesSize unsafe.Pointer) uint32

//go:wasmexport proxy_abi_version_0_2_1
func abiVersion() {}

//go:wasmexport malloc
func malloc(size uint32) unsafe.Pointer {
	place := make([]byte, size)
	given = append(given, place)
	return unsafe.Pointer(unsafe.SliceData(place))
}

func log(text string) {
	proxyLog(2, unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)))
}

//go:wasmexport proxy_on_configure
func onConfigure(context, size uint32) uint32 {
	var bytes, length uint32
	status := proxyBuffer(7, 0, size, unsafe.Pointer(&bytes), unsafe.Pointer(&length))
	text := unsafe.String((*byte)(unsafe.Pointer(uintptr(bytes))), length)
	log(fmt.Sprintf("configured with %q, status %d", text, status))
	given = nil
	return 1
}

//go:wasmexport proxy_on_request_headers
func onRequestHeaders(context, count, endOfStream uint32) uint32 {
	name, value := "x-guest", fmt.Sprint("go ", count)
	proxyAddHeader(0, unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)),
		unsafe.Pointer(unsafe.StringData(value)), uint32(len(value)))
	// Enough garbage for the collector to run now and then, which makes the runtime yield and poll.
	for turn := 0; turn < 100; turn++ {
		given = append(given, make([]byte, 4096))
	}
	given = nil
	return 0
}

//go:wasmexport proxy_on_log
func onLog(context uint32) { fmt.Println("done with", context) }
