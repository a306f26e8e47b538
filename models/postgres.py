"""Tortoise's client for asyncpg, whose transactions end even where their connection breaks before.

As they come, a connection that breaks while its transaction begins is lost to the pool, and one that breaks
so that it can't be given back stays the task's own: whatever that task does next fails with it, for ever.
"""

from types import TracebackType

from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext, TransactionContextPooled
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError


class _Transaction(TransactionContextPooled):
    __slots__ = ()

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        self.client._connection = await self.client._parent._pool.acquire()
        self.token = get_connections().set(self.connection_name, self.client)
        try:
            await self.client.begin()
        except BaseException:
            await self._leave()
            raise
        return self.client

    async def __aexit__(
        self, exc_type: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        try:
            if not self.client._finalized and exc_type is None:
                await self.client.commit()
            elif not self.client._finalized and exc_type is not TransactionManagementError:
                await self.client.rollback()
        finally:
            await self._leave()

    async def _leave(self) -> None:
        get_connections().reset(self.token)
        if self.client._parent._pool:
            await self.client._parent._pool.release(self.client._connection)


class Client(AsyncpgDBClient):
    def _in_transaction(self) -> TransactionContext:
        return _Transaction(TransactionWrapper(self), self._pool_init_lock)


client_class = Client
"""Where Tortoise looks for it in an engine."""
