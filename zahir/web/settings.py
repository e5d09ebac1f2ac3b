"""The server's settings: one TOML file in its home, then the environment, then the command line.

Knows nothing of what they are used for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from zahir.errors import BadData, ZahirError
from zahir.filters import default

FILE = "zahir.toml"


class Settings(BaseSettings):
    """What an operator may choose. In ZAHIR_HOME/zahir.toml: `port = 8000`; in the environment: ZAHIR_PORT=8000."""

    model_config = SettingsConfigDict(env_prefix="ZAHIR_", extra="forbid", frozen=True)

    home: Path = Field(description="folder of the database, the pictures and the fits")
    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 is everybody")
    port: int = Field(8000, ge=0, le=65535, description="0 takes any free port")
    database: str = Field("", description="SQLAlchemy URL; empty: a SQLite file in home")
    encoder: str = Field("studio", description="encoder plugin; NAME=PLACE takes its weights from a folder or file")
    generator: str = Field("studio", description="generator plugin, or several with commas: each keeps its share ready")
    generator_stand_in: str = Field("studio", description="a quick one, of shelf and waiting: generator and encoder")
    taste_model: str = Field("gaussian", description="taste model plugin")
    device: str = Field("", description="of encoder and generators, such as cuda or cpu; empty: the best there is")
    dtype: Literal["", "float32", "float16", "bfloat16"] = Field("", description="empty: what suits the device")
    filter: str = Field("", description="filter plugin that looks at every picture; empty: none, or nsfw for a policy")
    filter_policy: Literal["off", "blur", "block"] = Field("blur", description="at least, with a filter")
    filter_threshold: float = Field(0.5, gt=0, le=1, description="score from which the policy applies")
    worker: bool = Field(True, description="make pictures in a child process; false: only serve what is there")
    ready: int = Field(6, ge=1, le=48, description="unseen pictures kept ready for everybody who is active")
    shelf: int = Field(96, ge=0, le=10_000, description="pictures for nobody in particular, made while nothing else is")
    ratings_per_second: float = Field(20, gt=0, description="of one person")
    visitors_per_minute: float = Field(120, gt=0, description="new ones, from one address")
    max_body: int = Field(16_384, ge=1024, description="bytes of a request")

    @field_validator("generator")
    @classmethod
    def _named(cls, value: str) -> str:
        if not all(name.strip() for name in value.split(",")):
            raise ValueError("expected names with commas between, such as studio,studio-video")
        return value

    @property
    def generators(self) -> tuple[str, ...]:
        """The generators' names, as often as they are named."""
        return tuple(name.strip() for name in self.generator.split(","))

    @property
    def slow(self) -> tuple[str, ...]:
        """Those that may take long, each once: all but the stand-in."""
        return tuple(dict.fromkeys(name for name in self.generators if name != self.generator_stand_in))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: Any,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The command line, then the environment, then the file."""
        file = Path(init_settings.init_kwargs["home"]) / FILE
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)


def load_settings(home: Path, **chosen: Any) -> Settings:
    """Read the settings of this home; `chosen` win, where they are not None. Raises ZahirError, naming each mistake.

    A policy that is asked for without a filter gets the default one.
    """
    given = {name: value for name, value in chosen.items() if value is not None}
    try:
        settings = Settings(home=home, **given)
    except ValidationError as error:
        raise ZahirError(" ".join(_say(mistake, home) for mistake in error.errors())) from error
    except ValueError as error:  # of the TOML reader
        raise BadData(f"not TOML ({error}). Expected lines like: port = 8000", path=home / FILE) from error
    asked = "filter_policy" in settings.model_fields_set and settings.filter_policy != "off"
    return settings.model_copy(update={"filter": default()}) if asked and not settings.filter else settings


def _say(mistake: Any, home: Path) -> str:
    name = ".".join(map(str, mistake["loc"]))
    if mistake["type"] == "extra_forbidden":
        return f"{home / FILE}: there is no setting '{name}'. Known: {', '.join(Settings.model_fields)}."
    what = mistake["msg"][0].lower() + mistake["msg"][1:]
    return f"Setting '{name}' is {mistake['input']!r}: {what}. Change it in {home / FILE} or ZAHIR_{name.upper()}."
