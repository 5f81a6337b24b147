#include "cli/commands/docker/daemon.h"

#include <unistd.h>

#include <iostream>

#include "base/files.h"
#include "cli/commands/docker/progress_lines.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/session/member.h"
#include "docker/filters.h"
#include "http/wire/query.h"

namespace stack::cli::docker_cli {

Error daemon_error(const Error& error) {
  if (error.code() != 0 || error.text().empty()) return error;
  return Error(error.kind(), "Error response from daemon: " + error.text());
}

Result<Json> ask(Session& session, const std::string& method, const std::string& target, const Json& body) {
  auto answer = session.call(method, target, body);
  if (!answer) return daemon_error(answer.error());
  return std::move(*answer);
}

std::string container_path(const std::string& name, std::string_view suffix) {
  return "/containers/" + http::percent_encode(name) + std::string(suffix);
}

std::string image_path(const std::string& name, std::string_view suffix) {
  std::string encoded;
  for (char c : name)
    encoded +=
        c == '/' || c == ':' || c == '@' ? std::string(1, c) : http::percent_encode(std::string_view(&c, 1));
  return "/images/" + encoded + std::string(suffix);
}

NameAndTag split_name(const std::string& reference) {
  if (size_t at = reference.find('@'); at != std::string::npos)
    return {reference.substr(0, at), reference.substr(at + 1)};
  size_t colon = reference.rfind(':');
  if (colon == std::string::npos || reference.find('/', colon) != std::string::npos) return {reference, ""};
  return {reference.substr(0, colon), reference.substr(colon + 1)};
}

void add_image_name(http::Query& query, const std::string& reference, const std::string& otherwise) {
  NameAndTag image = split_name(reference);
  query.add("repo", image.name);
  query.add("tag", image.tag.empty() ? otherwise : image.tag);
}

std::string label_text(const Json& object) {
  const Json& labels = member(object, "Labels");
  std::string text;
  if (labels.is_object())
    for (const auto& [key, value] : labels.items())
      text += (text.empty() ? "" : ",") + key + "=" + (value.is_string() ? value.get<std::string>() : "");
  return text;
}

Result<int> for_each_word(const Arguments& arguments,
                          const std::function<Result<>(const std::string& word)>& act, bool quiet) {
  int code = 0;
  for (const std::string& word : arguments.words) {
    Result<> done = act(word);
    if (done) {
      if (!quiet) print_line(word);
    } else {
      if (!done.error().text().empty()) print_message(done.error().text());
      code = kExitError;
    }
  }
  return code;
}

Result<std::string> filters_parameter(const std::vector<std::string>& given, char lead) {
  if (given.empty()) return std::string();
  stack::docker::Filters filters;
  for (const std::string& text : given) {
    size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return invalid("invalid argument \"" + text +
                     "\" for \"-f, --filter\" flag: bad format of filter (expected name=value)");
    filters[text.substr(0, equals)].push_back(text.substr(equals + 1));
  }
  return std::string(1, lead) + "filters=" + http::percent_encode(stack::docker::filters_text(filters));
}

bool confirmed(std::string_view warning) {
  print(std::string(warning) + "\nAre you sure you want to continue? [y/N] ");
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes" || answer == "YES";
}

Result<int> print_list(const Arguments& arguments, const std::vector<Json>& rows, std::string_view row_type,
                       const std::vector<std::string>& header, const std::vector<std::string>& members) {
  std::string format = arguments.text("format");
  if (!format.empty() && format != "table") {
    TRY_ASSIGN(std::string text, text_template::render_rows(format, rows, row_type));
    print(text);
    return 0;
  }
  Table table(header);
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    for (const std::string& key : members) cells.push_back(string_or(row, key));
    table.add(std::move(cells));
  }
  print(table.text());
  return 0;
}

Result<int> print_inspected(const Arguments& arguments, const std::vector<text_template::Inspected>& found,
                            int code) {
  std::string format = arguments.text("format");
  if (!format.empty()) {
    auto output = text_template::render_inspected(format, found);
    if (!output) return print_template_error(output.error());
    print(output->text);
    for (const std::string& error : output->errors) print_message(error);
    return output->errors.empty() ? code : kExitError;
  }
  Json all = Json::array();
  for (const auto& each : found) all.push_back(each.object);
  print(all.empty() ? "[]\n" : all.dump(4, ' ', false, Json::error_handler_t::replace) + "\n");
  return code;
}

int print_template_error(const Error& error) {
  print_message(error.text());
  return kExitTemplate;
}

namespace {

constexpr int kStreamAttempts = 4;

// One attempt. Sets `failure` to an error in the stream.
Result<> follow_once(Session& session, const ProgressStream& stream, ProgressLines& lines,
                     std::string& failure) {
  TRY_ASSIGN(http::Client client, session.connect());
  http::ClientRequest request;
  request.method = "POST";
  request.target = stream.target;
  request.headers = stream.headers;
  return client.lines(std::move(request), [&](const Json& line) {
    if (line.contains("error")) failure = string_or(line, "error");
    lines.show(line);
    return true;
  });
}

}  // namespace

Result<> follow_progress(Session& session, const ProgressStream& stream) {
  std::string failure;
  Result<> ended;
  for (int attempt = 1; attempt <= kStreamAttempts; ++attempt) {
    ProgressLines lines(stream.fd, stream.quiet);
    ended = follow_once(session, stream, lines, failure);
    lines.finish();
    if (ended || !is_broken_connection(ended.error())) break;
  }
  if (!ended) return daemon_error(ended.error());
  if (!failure.empty()) return Error(failure);
  return {};
}

}  // namespace stack::cli::docker_cli
