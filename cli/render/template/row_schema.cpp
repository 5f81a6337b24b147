// The rows of Docker's lists: their placeholders and column titles. A title that is the field's name in capitals is not
// written; "-" is a field without a title. https://docs.docker.com/engine/cli/formatting/
#include "cli/render/template/schema.h"

namespace stack::text_template {

namespace {

constexpr std::string_view kRowSchema = R"(
formatter.SubHeaderContext = map[string]string

ps row *formatter.ContainerContext { ID string "CONTAINER ID"; Names string; Image string; Command string;
  CreatedAt string "CREATED AT"; RunningFor string "CREATED"; Platform *v1.Platform; Ports string; State string;
  Status string; Size string; Labels string; Mounts string; LocalVolumes string "LOCAL VOLUMES"; Networks string; }
images row *formatter.imageContext { ID string "IMAGE ID"; Repository string; Tag string; Digest string;
  CreatedSince string "CREATED"; CreatedAt string "CREATED AT"; Size string; Containers string;
  VirtualSize string "SIZE"; SharedSize string "SHARED SIZE"; UniqueSize string "UNIQUE SIZE"; }
volumes row *formatter.volumeContext { Name string "VOLUME NAME"; Driver string; Scope string; Mountpoint string;
  Labels string; Links string; Size string; Group string; Availability string; Status string; }
networks row *network.networkContext { ID string "NETWORK ID"; Name string; Driver string; Scope string;
  IPv4 string; IPv6 string; Internal string; Labels string; CreatedAt string "CREATED AT"; }
stats row *container.statsContext { Container string; Name string; ID string "CONTAINER ID";
  CPUPerc string "CPU %"; MemUsage string "MEM USAGE / LIMIT"; MemPerc string "MEM %"; NetIO string "NET I/O";
  BlockIO string "BLOCK I/O"; PIDs string; }
history row *image.historyContext { ID string "IMAGE"; CreatedAt string "CREATED AT"; CreatedSince string "CREATED";
  CreatedBy string "CREATED BY"; Size string; Comment string; }
search row *registry.searchContext { Name string; Description string; StarCount string "STARS";
  IsOfficial string "OFFICIAL"; }
contexts row *formatter.clientContextContext { Current bool "-"; Name string; Description string;
  DockerEndpoint string "DOCKER ENDPOINT"; Error string; }
df row *formatter.diskUsageImagesContext { Type string; TotalCount string "TOTAL"; Active string; Size string;
  Reclaimable string; }

context.contextWithTLSListing { Name string; Metadata any; Endpoints map[string]any; TLSMaterial map[string]any; Storage? any; }
system.platformInfo { Name? string; }
system.clientVersion { Platform? *system.platformInfo; Version? string; APIVersion=ApiVersion? string;
  DefaultAPIVersion? string; GitCommit? string; GoVersion? string; Os? string; Arch? string; BuildTime? string;
  Context string; }
system.versionInfo { Client system.clientVersion; Server *types.Version; }
system.clientInfo { Debug bool; +clientVersion system.clientVersion; Plugins []any; Warnings []string; }
system.dockerInfo { +Info *system.Info; ServerErrors? []string; UserName=- string; ClientInfo? *system.clientInfo;
  ClientErrors? []string; }
)";

}  // namespace

std::string_view row_schema() { return kRowSchema; }

}  // namespace stack::text_template
