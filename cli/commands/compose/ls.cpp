#include <algorithm>
#include <future>

#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/render/template/format.h"
#include "cli/session/known_clusters.h"
#include "cli/session/member.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

constexpr Flag kLsFlags[] = {
    {'a', "all", FlagArity::Nothing, "", "Include projects without running containers"},
    {'q', "quiet", FlagArity::Nothing, "", "Print only names"},
    {0, "filter", FlagArity::Values, "name=TEXT", "Show only projects whose names contain TEXT"},
    kFormatFlag,
};
constexpr Example kLsExamples[] = {{"stack ls", "list running projects"},
                                   {"stack ls -a", "include stopped projects"}};

// Without --all, "running(2), exited(1)" is "running(2)": containers that do not run are not counted.
std::string shown_status(const Json& project, const Arguments& arguments) {
  std::string status = string_or(project, "status");
  if (arguments.is_set("all")) return status;
  std::vector<std::string> parts;
  for (const std::string& part : split(status, ',')) {
    std::string_view text = trim(part);
    if (text.starts_with("running(") || text.starts_with("paused(") || text.starts_with("restarting("))
      parts.emplace_back(text);
  }
  return join(parts, ", ");
}

bool is_wanted(const Json& project, const Arguments& arguments) {
  if (!arguments.is_set("all") && shown_status(project, arguments).empty()) return false;
  std::string name = string_or(project, "name");
  for (const std::string& filter : arguments.all("filter")) {
    if (name.find(filter.substr(filter.find('=') + 1)) == std::string::npos) return false;
  }
  return true;
}

// One row of the list; "target" says where the project runs.
Json project_row(const std::string& name, const std::string& status, const std::string& files,
                 const std::string& target) {
  return {{"Name", name}, {"Status", status}, {"ConfigFiles", files}, {"Target", target}};
}

Result<std::vector<Json>> local_rows(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json projects, session.call("GET", "/stack/v1/projects"));
  std::vector<Json> rows;
  for (const Json& project : items_of(projects))
    if (is_wanted(project, arguments))
      rows.push_back(project_row(string_or(project, "name"), shown_status(project, arguments),
                                 join(strings_of(member(project, "config_files")), ","), "local"));
  return rows;
}

// The clusters whose projects are listed, too: none where the command line chooses an engine.
std::vector<KnownCluster> other_clusters(const Session& session) {
  const Globals& globals = session.globals();
  if (!globals.cluster.target.empty() || !globals.foreign_socket.empty() || globals.as_docker_compose)
    return {};
  auto known = known_clusters(session.environment());
  if (known) return std::move(*known);
  print_message(paint("warning:", Color::Yellow, session.err().color) +
                " projects on clusters are not shown: " + known.error().text());
  return {};
}

// Asks all clusters at once. A cluster that does not answer is told in one line.
std::vector<Json> cluster_rows(const Session& session, const std::vector<KnownCluster>& clusters,
                               const Arguments& arguments) {
  std::vector<std::string> words;
  if (arguments.is_set("all")) words.emplace_back("--all");
  for (const std::string& filter : arguments.all("filter")) words.insert(words.end(), {"--filter", filter});
  std::vector<std::future<Result<Json>>> answers;
  answers.reserve(clusters.size());
  for (const KnownCluster& cluster : clusters)
    answers.push_back(std::async(std::launch::async, [&session, &cluster, &words] {
      return projects_of_cluster(cluster, session.environment(), words);
    }));
  std::vector<Json> rows;
  for (size_t i = 0; i < clusters.size(); ++i) {
    Result<Json> answer = answers[i].get();
    std::string target = clusters[i].target + " (" + clusters[i].place + ")";
    if (!answer) {
      std::string why = answer.error().text();
      print_message(paint("warning:", Color::Yellow, session.err().color) + " " + target + ": " +
                    why.substr(0, why.find('\n')));
      continue;
    }
    for (const Json& project : items_of(*answer))
      rows.push_back(project_row(string_or(project, "Name"), string_or(project, "Status"), "", target));
  }
  return rows;
}

// The column TARGET is there only with clusters, as `docker compose ls` has none.
Result<> print_rows(const Arguments& arguments, std::vector<Json> rows, bool with_targets) {
  std::string format = arguments.text("format", "table");
  if (!with_targets)
    for (Json& row : rows) row.erase("Target");
  if (arguments.is_set("quiet")) {
    for (const Json& row : rows) print_line(string_or(row, "Name"));
  } else if (format == "json") {
    // One array, like `docker compose ls`.
    print_line(to_text(rows));
  } else if (format == "table" || format == "pretty") {
    std::vector<std::string> titles{"NAME", "STATUS", "CONFIG FILES"};
    if (with_targets) titles.insert(titles.begin() + 2, "TARGET");
    Table table(titles, 20);
    for (const Json& row : rows) {
      std::vector<std::string> cells{string_or(row, "Name"), string_or(row, "Status"),
                                     string_or(row, "ConfigFiles")};
      if (with_targets) cells.insert(cells.begin() + 2, string_or(row, "Target"));
      table.add(cells);
    }
    print(table.text());
  } else {
    TRY_ASSIGN(std::string text, text_template::render_format(format, rows));
    print(text);
  }
  return {};
}

Result<int> run_ls(Session& session, const Arguments& arguments) {
  for (const std::string& filter : arguments.all("filter")) {
    if (!filter.starts_with("name="))
      return session.usage_error("invalid filter \"" + filter + "\": must be name=TEXT");
  }
  std::vector<KnownCluster> clusters = other_clusters(session);
  auto local = local_rows(session, arguments);
  if (!local && clusters.empty()) return std::move(local).error();
  std::vector<Json> rows = local ? std::move(*local) : std::vector<Json>();
  for (Json& row : cluster_rows(session, clusters, arguments)) rows.push_back(std::move(row));
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Json& a, const Json& b) { return string_or(a, "Name") < string_or(b, "Name"); });
  TRY(print_rows(arguments, std::move(rows), !clusters.empty()));
  if (!local) return std::move(local).error();
  return 0;
}

}  // namespace

const Command kLs{
    .name = "ls",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS]",
    .summary = "List projects",
    .details =
        "Projects that this user has deployed to Kubernetes or a swarm are shown, too; --target local omits "
        "them.",
    .examples = kLsExamples,
    .flags = kLsFlags,
    .most_words = 0,
    .run = run_ls,
};

}  // namespace stack::cli
