#include "cli/dashboard/page.h"

// STACK_DASHBOARD_PAGE and STACK_THIRD_PARTY: folders, from CMakeLists.txt.
#define EMBED(name, file)                                                          \
  __asm__(                                                                         \
      ".pushsection .rodata\n"                                                     \
      ".globl stack_page_" #name ", stack_page_" #name                             \
      "_end\n"                                                                     \
      "stack_page_" #name ":\n.incbin \"" file                                     \
      "\"\n"                                                                       \
      "stack_page_" #name "_end:\n.byte 0\n.popsection\n");                        \
  extern "C" const char stack_page_##name[] __attribute__((visibility("hidden"))); \
  extern "C" const char stack_page_##name##_end[] __attribute__((visibility("hidden")))

EMBED(index, STACK_DASHBOARD_PAGE "/index.html");
EMBED(style, STACK_DASHBOARD_PAGE "/style.css");
EMBED(app, STACK_DASHBOARD_PAGE "/app.js");
EMBED(api, STACK_DASHBOARD_PAGE "/api.js");
EMBED(graph, STACK_DASHBOARD_PAGE "/graph.js");
EMBED(logs, STACK_DASHBOARD_PAGE "/logs.js");
EMBED(charts, STACK_DASHBOARD_PAGE "/charts.js");
EMBED(plan, STACK_DASHBOARD_PAGE "/plan.js");
EMBED(terminal, STACK_DASHBOARD_PAGE "/terminal.js");
EMBED(xterm, STACK_THIRD_PARTY "/xterm/xterm.mjs");
EMBED(xterm_fit, STACK_THIRD_PARTY "/xterm/addon-fit.mjs");
EMBED(xterm_style, STACK_THIRD_PARTY "/xterm/xterm.css");
EMBED(xterm_license, STACK_THIRD_PARTY "/xterm/LICENSE");

namespace stack::cli {

namespace {

struct PageRow {
  std::string_view path;
  std::string_view content_type;
  const char* begin;
  const char* end;
};

constexpr std::string_view kScript = "text/javascript; charset=utf-8";
constexpr std::string_view kStyle = "text/css; charset=utf-8";

#define FILE_ROW(path, type, name) {path, type, stack_page_##name, stack_page_##name##_end}
const PageRow kPageRows[] = {
    FILE_ROW("/", "text/html; charset=utf-8", index),
    FILE_ROW("/style.css", kStyle, style),
    FILE_ROW("/app.js", kScript, app),
    FILE_ROW("/api.js", kScript, api),
    FILE_ROW("/graph.js", kScript, graph),
    FILE_ROW("/logs.js", kScript, logs),
    FILE_ROW("/charts.js", kScript, charts),
    FILE_ROW("/plan.js", kScript, plan),
    FILE_ROW("/terminal.js", kScript, terminal),
    FILE_ROW("/xterm/xterm.mjs", kScript, xterm),
    FILE_ROW("/xterm/addon-fit.mjs", kScript, xterm_fit),
    FILE_ROW("/xterm/xterm.css", kStyle, xterm_style),
    FILE_ROW("/xterm/LICENSE", "text/plain; charset=utf-8", xterm_license),
};

}  // namespace

std::optional<PageFile> find_page_file(std::string_view path) {
  for (const PageRow& row : kPageRows)
    if (row.path == path)
      return PageFile{row.content_type, {row.begin, static_cast<size_t>(row.end - row.begin)}};
  return std::nullopt;
}

}  // namespace stack::cli
