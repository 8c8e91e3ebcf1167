// A module as Clang makes it with a C++ library: it adds a header to every request. Constructors, malloc and streams are
// what is tried here; the callbacks are written by hand.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#define EXPORT(name) extern "C" __attribute__((export_name(#name)))
#define IMPORT(name) extern "C" __attribute__((import_module("env"), import_name(#name)))

IMPORT(proxy_log) uint32_t proxy_log(uint32_t level, const char *message, size_t size);
IMPORT(proxy_add_header_map_value)
uint32_t proxy_add_header_map_value(uint32_t map, const char *name, size_t name_size, const char *value, size_t value_size);
IMPORT(proxy_get_buffer_bytes)
uint32_t proxy_get_buffer_bytes(uint32_t buffer, uint32_t start, uint32_t size, char **bytes, size_t *bytes_size);

namespace {
// Made by a constructor that runs before any callback.
std::map<uint32_t, std::string> contexts{{1, "root"}};
} // namespace

EXPORT(proxy_abi_version_0_2_0) void abi_version() {}
EXPORT(malloc) void *give(size_t size) { return std::malloc(size); }

EXPORT(proxy_on_context_create) void on_context_create(uint32_t context, uint32_t parent) {
  contexts.emplace(context, "stream of " + std::to_string(parent));
}

EXPORT(proxy_on_configure) uint32_t on_configure(uint32_t context, uint32_t size) {
  char *bytes = nullptr;
  size_t length = 0;
  uint32_t status = proxy_get_buffer_bytes(7, 0, size, &bytes, &length);
  std::string text = contexts.at(context) + " configured with \"" + std::string(bytes, length) + "\", status " +
                     std::to_string(status);
  proxy_log(2, text.data(), text.size());
  std::free(bytes);
  return 1;
}

EXPORT(proxy_on_request_headers) uint32_t on_request_headers(uint32_t context, uint32_t count, uint32_t) {
  std::string name = "x-guest", value = "c++ " + std::to_string(count) + " " + contexts.at(context);
  proxy_add_header_map_value(0, name.data(), name.size(), value.data(), value.size());
  return 0;
}

EXPORT(proxy_on_delete) void on_delete(uint32_t context) {
  contexts.erase(context);
  std::cout << "done with " << context << std::endl;
}
