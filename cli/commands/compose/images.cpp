#include <map>

#include "base/text.h"
#include "base/units.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/image_rows.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/render/template/format.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {

constexpr Flag kImagesFlags[] = {kFormatFlag, {'q', "quiet", FlagArity::Nothing, "", "Print only IDs"}};
constexpr Example kImagesExamples[] = {{"stack images", "list the images that the project's containers use"}};

Json row_of(const Container& container, const Json& image) {
  // A container may have been created from an ID.
  bool is_id = container.image.starts_with("sha256:");
  RepositoryTag name = is_id ? RepositoryTag{"<none>", "<none>"} : split_reference(container.image);
  std::string platform = string_or(image, "Os") + "/" + string_or(image, "Architecture");
  return {{"ID", container.image_id},
          {"ContainerName", container.name},
          {"Repository", name.repository},
          {"Tag", name.tag},
          {"Platform", platform == "/" ? "" : platform},
          {"Size", int_or(image, "Size")},
          {"Created", string_or(image, "Created")}};
}

Result<int> run_images(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY(session.require_services(project_name, arguments.words));
  TRY_ASSIGN(auto containers, list_containers(session, project_name, ContainerFilter::All));
  std::map<std::string, Json> images;
  std::vector<Json> rows;
  for (const Container& container : of_services(std::move(containers), arguments.words)) {
    auto [found, added] = images.emplace(container.image_id, Json());
    if (added) {
      // The image may have been removed while its containers exist; it then has no details.
      auto image = session.call("GET", "/images/" + http::percent_encode(container.image_id) + "/json");
      if (image) found->second = *image;
    }
    rows.push_back(row_of(container, found->second));
  }
  std::string format = arguments.text("format", "table");
  if (arguments.is_set("quiet")) {
    for (const auto& [id, image] : images) print_line(id.starts_with("sha256:") ? id.substr(7) : id);
    return 0;
  }
  if (format == "json") {
    print_line(to_text(rows));
    return 0;
  }
  if (format != "table" && format != "pretty") {
    TRY_ASSIGN(std::string text, text_template::render_format(format, rows));
    print(text);
    return 0;
  }
  Table table({"CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"}, 20);
  for (const Json& row : rows) {
    table.add({string_or(row, "ContainerName"), string_or(row, "Repository"), string_or(row, "Tag"),
               string_or(row, "Platform"), short_id(string_or(row, "ID")),
               decimal_size({int_or(row, "Size")}), ago_text(string_or(row, "Created"))});
  }
  print(table.text());
  return 0;
}

}  // namespace

const Command kImages{
    .name = "images",
    .aliases = {},
    .group = Group::Images,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "List the images that the project's containers use",
    .details = "",
    .examples = kImagesExamples,
    .flags = kImagesFlags,
    .words_are_services = true,
    .run = run_images,
};

}  // namespace stack::cli
