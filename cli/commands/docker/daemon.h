// What the docker commands share: asking the engine with Docker's error texts, and working through a list of names.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/session/session.h"
#include "http/wire/query.h"

namespace stack::cli::docker_cli {

// The engine's answer. An error that the engine answered begins "Error response from daemon: "; one of the connection
// does not.
Result<Json> ask(Session& session, const std::string& method, const std::string& target,
                 const Json& body = nullptr);
// The same prefix for errors of other calls.
Error daemon_error(const Error& error);

// "/containers/NAME" + suffix, the name percent-encoded.
std::string container_path(const std::string& name, std::string_view suffix = {});
// "/images/NAME" + suffix; slashes and colons of the name stay.
std::string image_path(const std::string& name, std::string_view suffix = {});

// A reference as the user wrote it: the name, and the tag or digest that follows it ("" for none).
struct NameAndTag {
  std::string name;
  std::string tag;
};
NameAndTag split_name(const std::string& reference);
// `repo` and `tag` of a query that names an image; `otherwise`: the tag of a name without one.
void add_image_name(http::Query& query, const std::string& reference, const std::string& otherwise);

// "a=b,c=d" of an object's "Labels".
std::string label_text(const Json& object);

// Calls `act` for each word of the command line. An error is printed and the next word is taken; the exit code is then
// 1. Without an error the word is printed unless `quiet`.
Result<int> for_each_word(const Arguments& arguments,
                          const std::function<Result<>(const std::string& word)>& act, bool quiet = false);

// --filter words as Docker's `filters` parameter, with "&" or "?" as `lead`; "" for none.
Result<std::string> filters_parameter(const std::vector<std::string>& given, char lead);

// The exit code 0 or 1 of a question on the terminal: "[y/N]". Without a terminal the answer is no.
bool confirmed(std::string_view warning);

// Prints rows by --format: "" and "table" with `header` and `members`, "json", or a template.
Result<int> print_list(const Arguments& arguments, const std::vector<Json>& rows,
                       const std::vector<std::string>& header, const std::vector<std::string>& members);

// Prints what `inspect` found: a JSON array, or --format for each. 1 where something was not found.
Result<int> print_inspected(const Arguments& arguments, const std::vector<Json>& found, int code);

// What is behind a JSON array of progress lines ({"status":...}, {"stream":...}, {"error":...}): shown on `fd` as it
// comes. Errors in the stream are returned.
Result<> follow_progress(Session& session, std::string method, std::string target, std::string body,
                         std::vector<std::pair<std::string, std::string>> headers, int fd, bool quiet);

}  // namespace stack::cli::docker_cli
