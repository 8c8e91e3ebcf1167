"""A configuration that comes from a file and is replaced while requests arrive; the Envoy is called `swapped`."""

import json
import os

from breakers import until
from limits import hcm, listener
from traces import TYPE

OPTIONS = ["--drain-time-s", "1", "--drain-strategy", "immediate"]
NAME = "swapped"


class Filters:
    """The first filter comes from a file (ECDS). The test has `directory`, `envoys` and `whole`, the configuration."""

    def start_swapped(self, *args, **members):
        """Starts Envoy on the first of many configurations."""
        self.put(*args, **members)
        config = self.whole(*args, **members)
        self.move_out(config)
        return self.start(NAME, config, OPTIONS)

    def move_out(self, config):
        """Takes out of the configuration what the file has."""
        it = hcm(config)["http_filters"][0]
        wasm = it.pop("typed_config")["@type"]
        it["config_discovery"] = {"config_source": self.source(), "type_urls": [wasm]}

    def source(self):
        path = {"path": f"{self.directory}/resource.json", "watched_directory": {"path": str(self.directory)}}
        return {"path_config_source": path, "resource_api_version": "V3"}

    def resource(self, config):
        """What the file has of a whole configuration."""
        return {"@type": TYPE + "envoy.config.core.v3.TypedExtensionConfig"} | hcm(config)["http_filters"][0]

    def put(self, *args, **members):
        """Moves one of many configurations into place."""
        new = self.directory / "new"
        new.write_text(json.dumps({"resources": [self.resource(self.whole(*args, **members))]}))
        os.replace(new, self.directory / "resource.json")

    def updates(self, what):
        return sum(self.envoys[NAME].stats(rf"extension_config_discovery\..*\.update_{what}").values())

    async def swap(self, *args, becomes="success", **members):
        """Replaces the configuration, and waits until it holds or is rejected."""
        before = self.updates(becomes)
        self.put(*args, **members)
        await until(lambda: self.updates(becomes) > before, 10, becomes)


class Listeners(Filters):
    """The listener comes from a file (LDS), and is replaced as a whole; the former one drains meanwhile."""

    def move_out(self, config):
        del config["static_resources"]["listeners"]
        config["dynamic_resources"] = {"lds_config": self.source()}

    def resource(self, config):
        return {"@type": TYPE + "envoy.config.listener.v3.Listener", **listener(config)}

    def updates(self, what):
        return sum(self.envoys[NAME].stats(rf"listener_manager\.lds\.update_{what}").values())
