// Shared by the docker commands: requests with Docker's error texts, and lists of names.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/render/template/format.h"
#include "cli/session/session.h"
#include "http/wire/query.h"

namespace stack::cli::docker_cli {

// Returns the engine's response. An error from the engine begins with "Error response from daemon: ", a connection
// error does not.
Result<Json> ask(Session& session, const std::string& method, const std::string& target,
                 const Json& body = nullptr);
// Adds the same prefix to errors of other calls.
Error daemon_error(const Error& error);

// "/containers/NAME" + suffix, the name percent-encoded.
std::string container_path(const std::string& name, std::string_view suffix = {});
// "/images/NAME" + suffix; slashes and colons of the name stay.
std::string image_path(const std::string& name, std::string_view suffix = {});

// A reference as written by the user: the name, and the tag or digest after it ("" if none).
struct NameAndTag {
  std::string name;
  std::string tag;
};
NameAndTag split_name(const std::string& reference);
// Adds `repo` and `tag` to the query; `otherwise`: the tag of a name without one.
void add_image_name(http::Query& query, const std::string& reference, const std::string& otherwise);

// "a=b,c=d" of an object's "Labels".
std::string label_text(const Json& object);

// Calls `act` for each word of the command line. After an error, prints it and continues; the exit code is then 1.
// After a success, prints the word unless `quiet`.
Result<int> for_each_word(const Arguments& arguments,
                          const std::function<Result<>(const std::string& word)>& act, bool quiet = false);

// --filter words as Docker's `filters` parameter, with "&" or "?" as `lead`; "" for none.
Result<std::string> filters_parameter(const std::vector<std::string>& given, char lead);

// Asks a question on the terminal: "[y/N]". Without a terminal the answer is no.
bool confirmed(std::string_view warning);

// Prints rows by --format: "" and "table" with `header` and `members`, "json", or a template. `row_type`: their type in
// cli/render/template/row_schema.cpp.
Result<int> print_list(const Arguments& arguments, const std::vector<Json>& rows, std::string_view row_type,
                       const std::vector<std::string>& header, const std::vector<std::string>& members);

// Docker's exit code for a template that cannot be parsed.
inline constexpr int kExitTemplate = 64;
// Prints the error and returns kExitTemplate.
int print_template_error(const Error& error);

// Prints the results of `inspect`: a JSON array, or --format for each. Returns `code`, 1 if a template fails on an object,
// or kExitTemplate.
Result<int> print_inspected(const Arguments& arguments, const std::vector<text_template::Inspected>& found,
                            int code);

struct ProgressStream {
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers = {};
  int fd = 1;
  bool quiet = false;
};

// Sends a POST and shows its response of progress lines ({"status":...}, {"stream":...}, {"error":...}) on `fd` as they
// arrive. Returns errors in the stream. If the engine dies, starts it and repeats the request, which therefore must be one that
// may be repeated.
Result<> follow_progress(Session& session, const ProgressStream& stream);

}  // namespace stack::cli::docker_cli
