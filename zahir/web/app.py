"""The web application, put together: its parts start and stop here. Knows no route of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import DBAPIError

import zahir
from zahir.errors import ZahirError
from zahir.web import library, welcome
from zahir.web.api import api
from zahir.web.child import Child
from zahir.web.guard import Guard, catch_errors, error
from zahir.web.limits import Rate
from zahir.web.pages import STATIC, media, pages
from zahir.web.server import Server
from zahir.web.settings import Settings
from zahir.web.tastes import UPLOADS, tastes
from zahir.web.writer import Writer

ABOUT = (
    "Rate pictures, see your taste, get pictures made for it. The first page hands out a cookie; calls that change "
    "something carry the header X-Zahir: 1. Errors are {error, id}: what is wrong and what to do, and the "
    "number of the request."
)


def create_app(settings: Settings, refused: Callable[[str], None] | None = None) -> FastAPI:
    """The application on these settings; its store, writer and worker live as long as it runs.

    `refused` hears it when the worker says that it cannot work on them.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        store = library.open_store(settings)
        writer, child = Writer(store), Child(settings, refused)
        space = welcome.lay_out(store) if settings.generator_stand_in == "studio" else None
        app.state.server = Server(
            settings,
            store,
            writer,
            child,
            ratings=Rate(settings.ratings_per_second, settings.ratings_per_second),
            visitors=Rate(settings.visitors_per_minute / 60, settings.visitors_per_minute),
            space=space,
        )
        writer.start()
        if settings.worker:
            child.start()
        flushing = asyncio.create_task(app.state.server.flush_wants())
        try:
            yield
        finally:
            flushing.cancel()
            if settings.worker:
                child.stop()
            writer.stop()
            store.close()

    app = FastAPI(
        title="Zahir",
        version=zahir.__version__,
        description=ABOUT,
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_name,
    )
    app.add_middleware(Guard, max_body=settings.max_body, uploads=UPLOADS)
    catch_errors(app)

    @app.exception_handler(DBAPIError)
    async def database(request: Request, problem: DBAPIError) -> JSONResponse:
        what = f"The database cannot do this now ({problem.orig}). Nothing was changed; send it again in a moment."
        return error(503, what, request.state.id, **{"Retry-After": "2"})

    @app.exception_handler(ZahirError)
    async def unready(request: Request, problem: ZahirError) -> JSONResponse:
        return error(503, str(problem), request.state.id, **{"Retry-After": "2"})

    for router in (api, tastes, media, pages):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def _name(route: APIRoute) -> str:
    return route.name
