"""What must survive a crash: jobs in Postgres, put there with the change that made them necessary.

| job      | subject                | does                                                              |
|----------|------------------------|-------------------------------------------------------------------|
| submit   | training               | gives it to fal, once per decision                                |
| watch    | training               | asks fal how it is, with growing intervals, until it has ended    |
| settle   | training               | fetches the result of a run that has ended                        |
| cancel   | training/request       | tells fal to stop a run that nobody waits for                     |
| status   | training               | sends or edits its living message in chat                         |
| notify   | notification           | sends a message that must arrive, once                            |
| draft    | person                 | says in chat what the draft holds, once per album                 |

Every minute, recovery puts back the jobs of trainings and messages that have none; every ten, what has
expired is deleted.
"""
